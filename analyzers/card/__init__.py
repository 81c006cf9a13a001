"""Reading a model card: its declared parents, the models that it names, and its claims."""
