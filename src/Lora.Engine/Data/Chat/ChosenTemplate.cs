using System.Security.Cryptography;
using System.Text;
using Lora.Text;

namespace Lora.Data;

/// <summary>Which chat template writes the conversations of a run: the one that is named, else that of the adapter that is gone on with or measured, else the model's own.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Named">The template that is named (<see cref="DataOptions.ChatTemplate"/>); null for none.</param>
/// <param name="Carried">The adapter's template, a text; null for none.</param>
internal sealed record ChosenTemplate(string Folder, string? Named, string? Carried)
{
    private const string Clock = "strftime_now";

    /// <summary>The templates by name with the place that they are from; null of a model without one, where none is named.</summary>
    /// <exception cref="LoraException">What <see cref="ChatTemplateFiles.Find"/> throws.</exception>
    public (string Path, IReadOnlyDictionary<string, string> Templates)? Find()
    {
        if (Named is not null)
        {
            return ChatTemplateFiles.Find(Named);
        }

        // The model's own may have others beside the one that an adapter carries, for tools.
        (string Path, IReadOnlyDictionary<string, string> Templates)? own = ChatTemplateFiles.OfFolder(Folder);
        return Carried is null || own?.Templates.GetValueOrDefault(ChatTemplateFiles.Default) == Carried
            ? own
            : ("the adapter", new Dictionary<string, string> { [ChatTemplateFiles.Default] = Carried });
    }

    /// <summary>Reads it.</summary>
    /// <param name="tokenizer">The folder of the tokenizer, which names special tokens.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ChatTemplateMissing"/>, or what <see cref="ChatTemplate.Load"/> throws.</exception>
    public ChatTemplate Load(string tokenizer) => Find() is (string path, IReadOnlyDictionary<string, string> templates)
        ? ChatTemplate.Of(path, templates, tokenizer)
        : throw LoraException.Of(LoraError.ChatTemplateMissing, Folder, Folder);

    /// <summary>Whether it writes the time, so that the same conversation has other tokens on another day.</summary>
    public bool IsDated() => Find()?.Templates.Values.Any(text => text.Contains(Clock, StringComparison.Ordinal)) == true;

    /// <summary>What tells it from others, wherever it lies; empty where there is none.</summary>
    public string Hash() => Find() is not (_, IReadOnlyDictionary<string, string> templates) ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\0', templates.OrderBy(template => template.Key, StringComparer.Ordinal).Select(template => $"{template.Key}\0{template.Value}")))));
}

/// <summary>A time that stands still, so that all conversations of a run are written at one.</summary>
internal sealed class StoppedClock(DateTimeOffset time) : TimeProvider
{
    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone { get; } = TimeZoneInfo.CreateCustomTimeZone("run", time.Offset, null, null);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => time.ToUniversalTime();
}
