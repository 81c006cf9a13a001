"""Cases: rows, messages, publications, remarks, subscriptions."""
