"""How does the sandbox run as a process of its own?"""

import cyclopts

from .command import serve_sandbox

if __name__ == "__main__":
    cyclopts.run(serve_sandbox)
