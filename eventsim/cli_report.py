"""``eventsim report``: one page about a training or a simulation."""


def run(arguments):
    """Write the page, and print where it is."""
    import viz

    print(f"written: {viz.report(arguments.source, arguments.out)}")
