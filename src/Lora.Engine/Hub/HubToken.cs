using System.Runtime.InteropServices;
using System.Security;

namespace Lora.Hub;

/// <summary>A user's access token. It is read by the client alone: no message, log, exception or <c>ToString</c> has it.</summary>
public sealed class HubToken
{
    private HubToken(string value) => Value = value;

    /// <summary>What is sent to the endpoint, and to no other host.</summary>
    internal string Value { get; }

    /// <summary>A token as it was typed or stored; null where there is none.</summary>
    /// <param name="text">What was typed or stored.</param>
    /// <param name="name">What it is called in a message.</param>
    /// <exception cref="LoraException">HubSettingInvalid: something that no header can carry; the message does not show it.</exception>
    public static HubToken? Of(string? text, string name = "The token")
    {
        string token = text?.Trim() ?? "";
        return token.Length == 0 ? null
            : token.All(letter => letter is > ' ' and < '\u007F') ? new(token)
            : throw LoraException.Of(LoraError.HubSettingInvalid, null, name, "holds a space, a control character or a letter beyond ASCII");
    }

    /// <summary>A token that was given for one command.</summary>
    /// <exception cref="LoraException">HubSettingInvalid: as of the other, and for one that is empty, in whose place none is taken.</exception>
    public static HubToken Of(SecureString secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        nint copy = Marshal.SecureStringToGlobalAllocUnicode(secret);
        try
        {
            return Of(Marshal.PtrToStringUni(copy, secret.Length)) ?? throw LoraException.Of(LoraError.HubSettingInvalid, null, "The token", "is empty");
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(copy);
        }
    }

    /// <summary>What a server said, without the token that it may have said back.</summary>
    internal static string Hide(HubToken? token, string text) => token is null ? text : text.Replace(token.Value, "(token)", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => "(token)";
}
