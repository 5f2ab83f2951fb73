using System.Globalization;
using System.Text.RegularExpressions;
using Lora.Text;

namespace Lora.Data;

/// <summary>What users should know of a chat template and their data, beside what befell single rows.</summary>
internal static partial class ChatNotices
{
    /// <summary>What is to be said.</summary>
    /// <param name="files">What was read.</param>
    /// <param name="chat">What writes conversations.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="clock">The time that the template writes; null where it writes none.</param>
    public static IEnumerable<string> Of(IReadOnlyList<DatasetFile> files, Lazy<ChatEncoder> chat, Tokenizer tokenizer, DateTimeOffset? clock)
    {
        if (files.Any(file => file.Format == DatasetFormat.Chat))
        {
            string path = chat.Value.Template.Path;
            string[] unknown = [.. Unknown(chat.Value, tokenizer)];
            if (unknown.Length > 0)
            {
                yield return $"The chat template of '{path}' writes {string.Join(", ", unknown)}, which the model's vocabulary lacks: {(unknown.Length == 1 ? "it is" : "they are")} written as several tokens, and learned slowly. Give a template of the model's own kind by -ChatTemplate.";
            }

            if (clock is DateTimeOffset time)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"The chat template of '{path}' writes the date: all conversations of this run have {time:yyyy-MM-dd}, also when it is gone on with on another day.");
            }
        }
    }

    /// <summary>What looks like a special token, around a word, and is none.</summary>
    private static IEnumerable<string> Unknown(ChatEncoder chat, Tokenizer tokenizer) =>
        Marker().Matches(chat.Sample()).Select(match => match.Value).Distinct(StringComparer.Ordinal).Where(marker => tokenizer.IdOf(marker) is null);

    [GeneratedRegex(@"<\|[^|<>\s]+\|>|<｜[^｜<>]+｜>|<(start|end)_of_turn>|</?s>")]
    private static partial Regex Marker();
}
