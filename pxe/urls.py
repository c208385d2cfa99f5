"""The URLs that machines request during boot."""

from django.urls import path

from pxe import views

urlpatterns = [
    path("boot.ipxe", views.boot_script, name="boot_script"),
    path("boot/loaders/<str:name>", views.loader, name="boot_loader"),
    path("boot/answers/<str:secret>/", views.answer_file, name="boot_answers"),
    path("boot/answers/<str:secret>/<str:name>", views.answer_file, name="boot_answer"),
    path("boot/done/<str:secret>", views.done, name="boot_done"),
    path("boot/files/<path:name>", views.boot_file, name="boot_file"),
    path("boot/report/<slug:event>/<slug:subject>", views.report, name="boot_report"),
]
