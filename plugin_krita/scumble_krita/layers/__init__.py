"""Everything that touches Krita's documents and pixels. `canvas.KritaCanvas` is what the model sees of it."""
