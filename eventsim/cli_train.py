"""``eventsim train``: train the network that a TOML file describes."""

import pathlib

from eventsim import cli_text


def run(arguments):
    """Train, and print what was reached and where the model is."""
    from training import train_from_config

    result = train_from_config(arguments.config, arguments.out, resume=arguments.resume, data=arguments.data,
                               scheduler=arguments.scheduler)
    if result["interrupted"]:
        raise KeyboardInterrupt
    test, validation = result["test"], result["validation"]
    best = f"epoch {result['best_epoch']} of {result['epochs']}"
    if result["samples"]["validation"] == 0:
        best = "all samples were trained on"
    print(
        cli_text.pairs(
            [
                ("test accuracy", f"{cli_text.percent(test['accuracy'])} ({result['readout']})"),
                ("validation accuracy", f"{cli_text.percent(validation['accuracy'])} ({best})"),
                ("mean decision latency", cli_text.number(test["latency_ms"], "ms")),
                ("undecided", cli_text.percent(test["undecided"])),
                ("training time", f"{result['training_seconds']:.1f} s"),
                ("results", pathlib.Path(arguments.out) / "model.h5"),
            ]
        )
    )
