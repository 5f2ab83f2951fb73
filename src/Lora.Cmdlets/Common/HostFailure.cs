using System.Management.Automation;
using System.Management.Automation.Host;

namespace Lora.Commands;

/// <summary>Whether a failure says that a host has nobody to speak to: a terminal that is gone, a job, or a program whose host leaves these members out.</summary>
internal static class HostFailure
{
    public static bool IsOf(Exception exception) =>
        exception is HostException or PSInvalidOperationException or NotImplementedException or NotSupportedException or IOException;
}
