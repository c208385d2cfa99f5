"""What the machine can do at most: the barest views over the same database under the same gunicorn
settings.

    gunicorn --config python:tests.bench.bare.gunicorn_config tests.bench.bare.views:hello
    gunicorn --config python:tests.bench.bare.gunicorn_config tests.bench.bare.views:django

Neither knows tokens, rights, history or errors.
"""
