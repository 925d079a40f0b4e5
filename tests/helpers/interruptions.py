"""An interruption that comes at a known moment, in place of Ctrl-C."""

from tfvae.app.interruption import Interruption


class After(Interruption):
    """An interruption that comes when it has been looked for so many times."""

    def __init__(self, looks):
        self.looks = looks
        super().__init__()

    @property
    def wanted(self):
        self.looks -= 1
        return self.looks < 0

    @wanted.setter
    def wanted(self, value):
        pass
