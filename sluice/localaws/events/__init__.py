"""EventBridge rules, EventBridge Scheduler, and the deliveries that both make."""
