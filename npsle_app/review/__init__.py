"""The reading room: people look at what the app made and judge it, in their own browser.

In come the files of an output folder, and what readers do. Out go tables of judgements in its
folder `qc`, and beside it a folder of derivatives that the next run takes. It measures nothing,
and knows neither groups nor ages: readers are blind to them.
"""
