using System.Text.Json;
using Lora.Text.Jinja;

namespace Lora.Text;

/// <summary>JSON that users give, as templates see it.</summary>
internal static class ChatValues
{
    /// <param name="element">The JSON.</param>
    /// <param name="name">What it is, for the failure.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ChatMessageInvalid"/>: it is larger or deeper than a template takes.</exception>
    public static Value Of(JsonElement element, string name)
    {
        try
        {
            return PythonJson.Read(element);
        }
        catch (JinjaFailure failure)
        {
            throw LoraException.From(failure, LoraError.ChatMessageInvalid, null, name, failure.Message);
        }
        catch (InvalidOperationException exception)
        {
            throw LoraException.From(exception, LoraError.ChatMessageInvalid, null, name, "a text in it is no Unicode"); // half of a surrogate pair
        }
    }
}
