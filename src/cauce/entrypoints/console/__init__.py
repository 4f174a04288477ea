"""The operator's door: server-rendered pages for those who run the business."""
