"""The parts of the page that `viz.report` writes: what a folder holds, figures, diagram, tables, the page itself."""
