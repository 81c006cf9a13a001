"""The watch: feeds, triage, judgement, relatives, re-judgement."""
