"""Fit new style networks with the perceptual loss of Johnson et al. 2016. Importing this does nothing."""
