namespace Lora.Commands;

/// <summary>Where the help is to be read online.</summary>
internal static class HelpAddress
{
    /// <summary>The folder of the pages that Get-Help -Online opens, one a cmdlet.</summary>
    public const string Pages = "https://github.com/lora-powershell/lora/blob/main/docs/en-US/";
}
