"""Storage that outlives the process: uploads and alerts, sketches of known models, the registry."""
