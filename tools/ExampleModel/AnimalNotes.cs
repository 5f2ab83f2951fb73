using System.Text.Json;

namespace Lora.Tools.ExampleModel;

/// <summary>
/// A task of prompts and completions: asked about an animal, answer with a short note instead of a tale. The base model knows the
/// words but never saw the form.
/// </summary>
internal static class AnimalNotes
{
    private static readonly string[] Questions = ["Tell me about the {0}.", "What is a {0}?", "Describe the {0}.", "I want to know about the {0}."];

    /// <summary>The rows of the training file and of the validation file: each asks about every animal, with different questions.</summary>
    public static (IReadOnlyList<string> Train, IReadOnlyList<string> Validation) Rows()
    {
        IEnumerable<(int Animal, int Question)> all =
            from animal in Enumerable.Range(0, Words.Animals.Length)
            from question in Enumerable.Range(0, Questions.Length)
            select (animal, question);
        ILookup<bool, string> rows = all.ToLookup(
            entry => (entry.Animal + entry.Question) % Questions.Length == 0,
            entry => Row(Words.Animals[entry.Animal], Questions[entry.Question]));
        return ([.. rows[false]], [.. rows[true]]);
    }

    private static string Row(Animal animal, string question) => JsonSerializer.Serialize(new
    {
        prompt = string.Format(System.Globalization.CultureInfo.InvariantCulture, question, animal.Kind),
        completion = $" Note: {animal.Kind}. Lives in: the {animal.Land}. Sleeps in: a {animal.Home}. Eats: {animal.Food}. Can: {animal.Skill}.",
    });
}
