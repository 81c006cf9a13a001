"""A null of honest models: how often would the decision that runs in production accuse one of them?"""
