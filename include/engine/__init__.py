"""The one small always-on process: what must happen within moments, whatever Airflow is doing.

Today it starts a run for every accepted request (`intake`), says how Airflow, the request queue and the ledger are
doing (`observer`), and listens for the heartbeat of the alert path (`watchdog`). Any number may run at once.
"""
