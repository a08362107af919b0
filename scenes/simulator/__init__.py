"""A seeded LiDAR simulator: drives through made-up streets with exact labels, poses and GPS. Pure NumPy.

Start at `drive.simulate_drive`; `write.write_drive` puts the frames into a folder.
"""
