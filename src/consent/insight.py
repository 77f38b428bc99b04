"""The one door to insightface: its loader of networks, and its reader of signed model licences."""

from insightface.model_zoo import get_model
from insightface.model_zoo.model_license import inspect_model_package_license

__all__ = ["get_model", "inspect_model_package_license"]
