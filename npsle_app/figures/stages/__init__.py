"""What each stage of a participant shows: its pictures, with titles and captions.

Enters: images, arrays and numbers of one stage. Leaves: drawings, for the stage to save. A caption
says what is good and what is bad to see. Never knows stages, files or the science behind.
"""
