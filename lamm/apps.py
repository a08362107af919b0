from django.apps import AppConfig


class LammConfig(AppConfig):
    name = "lamm"
    verbose_name = "LAMM"
