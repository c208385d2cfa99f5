"""`?as_of=TIME`: rows and lists as they were at a moment."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

NAME = "as_of"
PARAMETER = OpenApiParameter(
    NAME,
    OpenApiTypes.STR,
    description="As it was at this time: 2026-11-29T14:00Z, 2026-11-29 or -2h. Facts of the "
    "present are left out, and rows are not counted.",
)
