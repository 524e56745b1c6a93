//! HTTP on top of the world.
