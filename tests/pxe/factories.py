"""Rows for tests, each valid by itself."""

import factory
from django.conf import settings
from factory.django import DjangoModelFactory

from pxe import models
from tests.ipam.factories import ServerFactory


class FileFactory(DjangoModelFactory):
    class Meta:
        model = models.BootFile
        skip_postgeneration_save = True

    name = factory.Sequence("debian/file-{}".format)

    @factory.post_generation
    def is_missing(file, create, is_missing):
        """Unless it is to be missing, the file is on the disk."""
        path = settings.BOOT_ROOT / file.name
        if not (file.url or is_missing or path.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


class AnswersFactory(DjangoModelFactory):
    class Meta:
        model = models.BootAnswers

    name = factory.Sequence("answers-{}".format)
    text = "d-i netcfg/get_hostname string @@hostname@@"


class ImageFactory(DjangoModelFactory):
    class Meta:
        model = models.BootImage
        skip_postgeneration_save = True

    name = factory.Sequence("debian-{}".format)
    kernel = factory.SubFactory(FileFactory)

    @factory.post_generation
    def initrds(image, create, files):
        if files:
            image.initrds = files
            image.save()


class MenuFactory(DjangoModelFactory):
    class Meta:
        model = models.BootMenu

    name = factory.Sequence("menu-{}".format)
    title = factory.SelfAttribute("name")


class AssignmentFactory(DjangoModelFactory):
    class Meta:
        model = models.BootAssignment

    server = factory.SubFactory(ServerFactory)
    image = factory.SubFactory(ImageFactory)
