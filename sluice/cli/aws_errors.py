"""What botocore's errors mean to the person at the terminal."""

from botocore import exceptions

from sluice.errors import SluiceError, UsageError


def explain_error(error: Exception) -> SluiceError:
    """One message and one next step for an error of an AWS call that no command expected."""
    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return UsageError("No AWS credentials were found.", "Run `aws configure` or set AWS_PROFILE.")
        case exceptions.ProfileNotFound():
            return UsageError(f"{error}.", "`aws configure list-profiles` names those you have.")
        case exceptions.EndpointConnectionError() | exceptions.ConnectionClosedError():
            url = error.kwargs.get("endpoint_url", "AWS")
            return SluiceError(f"{url} does not answer.", "If this is the local AWS, `sluice local status` says more.")
        case exceptions.ClientError():
            details = error.response.get("Error", {})
            code, message = details.get("Code", "error"), details.get("Message", "")
            hint = ""
            if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
                hint = f"Your credentials may not call {error.operation_name}. Grant it, or use another profile."
            elif code in {"ExpiredToken", "ExpiredTokenException"}:
                hint = "Log in again: the session's credentials have run out."
            return SluiceError(f"{error.operation_name}: {message or code}", hint)
        case _:
            return SluiceError(str(error) or type(error).__name__)
