"""SageMaker: moto's, with what it lacks. moto finds `urls` beside `models` by name."""
