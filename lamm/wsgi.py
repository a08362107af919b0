"""The WSGI entry point: `granian --interface wsgi lamm.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lamm.settings")
application = get_wsgi_application()
