"""The founding case at its true size: models of 397 billion parameters, computed on demand, and one check of each."""
