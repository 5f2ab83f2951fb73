namespace Lora.Commands;

/// <summary>Where the help is to be read online.</summary>
internal static class HelpAddress
{
    /// <summary>The address that Get-Help -Online opens.</summary>
    public const string Commands = "https://github.com/lora-powershell/lora#commands";
}
