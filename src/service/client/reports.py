"""Calls about reports. Records of processing and samples are files: `consentry report`."""

from service.client.call import Call, get
from service.shapes import reports as shapes


def completeness() -> Call[shapes.Completeness]:
    """Whether the whole log adds up. Reads all of it: minutes, of a long one."""
    return get("/v1/reports/completeness", shapes.Completeness)
