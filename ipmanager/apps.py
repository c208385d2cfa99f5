from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "ipmanager"
    verbose_name = "IPManager"

    def ready(self) -> None:
        from ipmanager import checks  # noqa: F401  (registers them)
