import typer
app=typer.Typer()
@app.command()
def hello(name: str = "world"):
    from rich.console import Console
    from rich.table import Table
    t=Table(); t.add_column("a"); t.add_row(name); Console().print(t)
app()
