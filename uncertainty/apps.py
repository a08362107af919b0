from django.apps import AppConfig


class UncertaintyConfig(AppConfig):
    name = "uncertainty"
    verbose_name = "Uncertainty"
