"""What the commands' tests share with those of the rooms below: a running backend, packs, tiny trainings."""

from backend.conftest import backend, pack_files, start
from packs.conftest import factory, png_fixture, random_table_fixture, repacked_fixture, store, tiny_network_fixture
from training.conftest import (
    home,
    loss_folder,
    no_loss_network_of_the_persons_own,
    photo_folder,
    tiny_light_recipes,
    tiny_recipes,
)

__all__ = [
    "backend",
    "factory",
    "home",
    "loss_folder",
    "no_loss_network_of_the_persons_own",
    "pack_files",
    "photo_folder",
    "png_fixture",
    "random_table_fixture",
    "repacked_fixture",
    "start",
    "store",
    "tiny_light_recipes",
    "tiny_network_fixture",
    "tiny_recipes",
]
