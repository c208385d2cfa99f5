"""The addresses that machines ask for."""

from django.urls import path

from pxe import views

urlpatterns = [
    path("boot.ipxe", views.boot_script, name="boot_script"),
    path("boot/loaders/<str:name>", views.loader, name="boot_loader"),
    path("boot/files/<path:name>", views.boot_file, name="boot_file"),
]
