"""A vendor sandbox on loopback: servers that speak the vendors' protocols, filled by a generator of one population.

Nothing outside this package knows of it; connectors meet it only as another base_url.

    Sandbox    the world with its clock and its state folder
    serve      run it until interrupted
    running    run it for the length of a with block

From truth to wire: names, places, people, population (who there is) -> contacts, noise (what a system is told) -> accounts,
commerce, support, history, days (what happens) -> world and the vendors' books -> the vendors' APIs -> app, server. A
vendor that joined later is a subpackage with all of that of its own, named in systems. state holds
it together.
"""

from connectors.sandbox.server import SandboxHandle, running, serve
from connectors.sandbox.state import Sandbox

__all__ = ["Sandbox", "SandboxHandle", "running", "serve"]
