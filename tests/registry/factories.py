"""Rows of the registry for tests, each valid by itself."""

import factory
from factory.django import DjangoModelFactory

from registry import models
from registry.models import RegistryConfig


class ServiceFactory(DjangoModelFactory):
    class Meta:
        model = models.Service
        skip_postgeneration_save = True

    environment = factory.LazyFunction(
        lambda: RegistryConfig.objects.get(environment="development")
    )
    service_id = factory.Sequence("service-{}".format)
    name = factory.LazyAttribute(lambda service: service.service_id.title())
    ip_address = "127.0.0.1"
    port = factory.Sequence(lambda n: 20_000 + n)

    @factory.post_generation
    def dependencies(self, create, needed, **kwargs):
        for needs in needed or ():
            models.ServiceDependency.objects.create(service=self, needs=needs)
