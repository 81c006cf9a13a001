"""Surveys of models that are on the Hub already: a family, an organisation, or a span of time."""
