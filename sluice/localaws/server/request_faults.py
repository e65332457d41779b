"""The two ways to turn a request down: it is wrong anywhere, or it is right on AWS and not supported here."""


class Malformed(Exception):
    """Wrong on AWS as well; the message says where and what."""


class NotSupported(Exception):
    """AWS would accept it, the local AWS does not do it; the message names the feature and where it was asked for."""
