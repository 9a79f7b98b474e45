"""The operator's commands. Each file is one group; `console.cli` puts them together."""
