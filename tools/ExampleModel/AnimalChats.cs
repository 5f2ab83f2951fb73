using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lora.Tools.ExampleModel;

/// <summary>
/// Conversations about the animals of the tales: one to three questions, of which the later ones say "it", some of them under a system message that asks
/// for few words. The base model knows the words and tells tales, whatever it is asked.
/// </summary>
internal static class AnimalChats
{
    private const int Conversations = 288;
    private const int ValidationEvery = 6;
    private const int Seed = 5;
    private const int MostQuestions = 3;
    private const string FewWords = "Answer in a few words.";

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Topic[] Topics =
    [
        new(["Where does the {0} live?", "Where can I find a {0}?", "Tell me where the {0} lives."], ["Where does it live?", "And where does it live?"], animal => $"lives in the {animal.Land}", animal => $"In the {animal.Land}"),
        new(["Where does the {0} sleep?", "Where does a {0} go at night?"], ["Where does it sleep?", "And where does it go at night?"], animal => $"sleeps in {Home(animal)}", animal => $"In {Home(animal)}"),
        new(["What does the {0} eat?", "Tell me what the {0} eats."], ["What does it eat?", "And what does it eat?"], animal => $"eats {animal.Food}", animal => animal.Food),
        new(["What can the {0} do?", "What is the {0} good at?"], ["What can it do?", "And what can it do?"], animal => $"can {animal.Skill}", animal => animal.Skill),
    ];

    /// <summary>The rows of the training file and of the validation file, each conversation once.</summary>
    public static (IReadOnlyList<string> Train, IReadOnlyList<string> Validation) Rows()
    {
        Random random = new(Seed);
        HashSet<string> told = [];
        while (told.Count < Conversations)
        {
            told.Add(Row(random));
        }

        ILookup<bool, string> rows = told.Select((row, number) => (row, number)).ToLookup(entry => entry.number % ValidationEvery == 0, entry => entry.row);
        return ([.. rows[false]], [.. rows[true]]);
    }

    private static string Row(Random random)
    {
        Animal animal = Pick(Words.Animals, random);
        bool isShort = random.Next(3) == 0;
        List<Message> messages = isShort ? [new("system", FewWords)] : [];
        Topic[] topics = [.. Topics];
        random.Shuffle(topics);
        foreach (Topic topic in topics.Take(1 + random.Next(MostQuestions)))
        {
            bool isFirst = messages.All(message => message.Role == "system");
            string question = string.Format(System.Globalization.CultureInfo.InvariantCulture, Pick(isFirst ? topic.First : topic.Next, random), animal.Kind);
            string answer = isShort ? Sentence(topic.Words(animal)) : $"{(isFirst ? $"The {animal.Kind}" : "It")} {topic.Tells(animal)}.";
            messages.Add(new("user", question));
            messages.Add(new("assistant", answer));
        }

        return JsonSerializer.Serialize(new { messages = messages.Select(message => new { role = message.Role, content = message.Content }) }, Plain);
    }

    // "A reeds" would be none.
    private static string Home(Animal animal) => $"{(animal.Home.EndsWith('s') ? "the" : "a")} {animal.Home}";

    private static string Sentence(string words) => char.ToUpperInvariant(words[0]) + words[1..] + ".";

    private static T Pick<T>(T[] choices, Random random) => choices[random.Next(choices.Length)];

    private sealed record Message(string Role, string Content);

    /// <summary>What is asked of an animal.</summary>
    /// <param name="First">How it is asked with the animal's name.</param>
    /// <param name="Next">How it is asked when the animal was named before.</param>
    /// <param name="Tells">What a sentence says.</param>
    /// <param name="Words">What a few words say.</param>
    private sealed record Topic(string[] First, string[] Next, Func<Animal, string> Tells, Func<Animal, string> Words);
}
