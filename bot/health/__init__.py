"""Health of the watch: heartbeat, metrics, HTTP port, watchdog, canary."""
