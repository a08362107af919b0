"""PostgreSQL and Valkey for a machine that has neither: started on demand, kept in the data folder.

Nothing here imports Django: `manage.py` and the tests use it before there are settings.
"""
