"""What containerd answers to CreateContainer while the plugin is away, recorded with 1.7.24, 2.1.9, 2.2.7 and 2.3.4."""

# By what is asked: from which version on, and the message; None: the container is made.
RECORDED = {
    # Of a pod that the plugin knew. Its validator is asked once more, on the connection that ended.
    "the first Create": (((1, 7), None), ((2, 2), r"validator plugin .*stockade.* failed: ttrpc: closed")),
    "a later Create": (((1, 7), None),),
    # With `required_plugins`, which older ones do not know.
    "a later Create of a required plugin": (((2, 2), r'required plugin "stockade" not present'),),
}


def message(asked: str, version: tuple[int, int]) -> str | None:
    """A regular expression for the refusal; None where there is none."""
    return [text for first, text in RECORDED[asked] if version >= first][-1]
