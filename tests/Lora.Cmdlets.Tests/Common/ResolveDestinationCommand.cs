using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

/// <summary>Writes what an output path means.</summary>
internal sealed class ResolveDestinationCommand : LoraCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    public string? Path { get; set; }

    [Parameter]
    public SwitchParameter Literal { get; set; }

    protected override void EndWork() => WriteObject(new PathResolver(this).Destination(Path!, Literal));
}
