namespace Lora.Tools.ExampleModel;

/// <summary>Tells short tales out of <see cref="Words"/>: a hero, a happening, an end. The same seed tells the same tales.</summary>
internal sealed class StoryTeller(int seed)
{
    private readonly Random random = new(seed);

    /// <summary>One tale of five to nine sentences.</summary>
    public string Tell()
    {
        Animal animal = Pick(Words.Animals);
        Animal other = Pick([.. Words.Animals.Where(candidate => candidate != animal)]);
        string[] names = [.. Words.Names.OrderBy(_ => random.Next()).Take(2)];
        Tale tale = new(names[0], names[1], animal, other, Pick(Words.Traits), Pick(Words.Things), Pick(Words.Foods), Pick(Words.Spots));
        string happening = random.Next(5) switch
        {
            0 => Found(tale),
            1 => Lost(tale),
            2 => Cooked(tale),
            3 => Helped(tale),
            _ => Learned(tale),
        };
        return string.Join(' ', Opening(tale), Pick(Words.Times) + ", " + happening, Ending(tale));
    }

    private string Opening(Tale tale) => Pick(
        $"Once upon a time, there was a {tale.Trait} {tale.Animal.Kind} named {tale.Hero}. {tale.Hero} lived in the {tale.Animal.Land}.",
        $"{tale.Hero} was a {tale.Trait} {tale.Animal.Kind} who lived in the {tale.Animal.Land}.",
        $"In the {tale.Animal.Land} there lived a {tale.Trait} {tale.Animal.Kind}. Its name was {tale.Hero}.",
        $"{tale.Hero} the {tale.Animal.Kind} was very {tale.Trait}. Every night {tale.Hero} slept in a {tale.Animal.Home}.");

    private string Found(Tale tale) => Pick(
        $"{tale.Hero} found a {tale.Thing} {tale.Spot}. \"Who does this belong to?\" asked {tale.Hero}. " +
        $"{tale.Friend} the {tale.Other.Kind} came along and said, \"That is my {tale.Thing}!\" {tale.Hero} gave it back with a smile.",
        $"{tale.Hero} saw a {tale.Thing} {tale.Spot}. It was wet and dirty, so {tale.Hero} washed it and put it in the sun. " +
        $"Soon the {tale.Thing} was as good as new.");

    private string Lost(Tale tale) => Pick(
        $"{tale.Hero} lost a {tale.Thing}. {tale.Hero} looked {tale.Spot}, but it was not there. " +
        $"Then {tale.Friend} the {tale.Other.Kind} said, \"I will help you.\" They looked until it was dark, and at last they found it.",
        $"the wind took the {tale.Thing} away. {tale.Hero} was sad and sat down {tale.Spot}. " +
        $"\"Do not cry,\" said {tale.Friend} the {tale.Other.Kind}. \"We can make a new one.\" And so they did.");

    private string Cooked(Tale tale) => Pick(
        $"{tale.Hero} made {tale.Food} and took it to {tale.Friend} the {tale.Other.Kind}. " +
        $"\"This is the best {tale.Food} in the {tale.Other.Land},\" said {tale.Friend}. They ate all of it {tale.Spot}.",
        $"{tale.Hero} was hungry and wanted some {tale.Food}. There was nothing left at home, so {tale.Hero} went to see {tale.Friend}. " +
        $"{tale.Friend} the {tale.Other.Kind} opened the door and shared the {tale.Food}.");

    private string Helped(Tale tale) => Pick(
        $"{tale.Hero} heard a cry {tale.Spot}. {tale.Friend} the {tale.Other.Kind} was stuck in the mud. " +
        $"{tale.Hero} pulled and pulled until {tale.Friend} was free. \"Thank you,\" said {tale.Friend}.",
        $"{tale.Friend} the {tale.Other.Kind} was ill. {tale.Hero} brought {tale.Food} and told a story. " +
        $"After three days {tale.Friend} was well again and they played {tale.Spot}.");

    private string Learned(Tale tale) => Pick(
        $"{tale.Hero} wanted to learn how to {tale.Other.Skill}. \"Watch me,\" said {tale.Friend} the {tale.Other.Kind}. " +
        $"{tale.Hero} tried and fell, and tried again. In the end {tale.Hero} could do it a little.",
        $"{tale.Hero} met {tale.Friend} the {tale.Other.Kind} {tale.Spot}. \"What can you do?\" asked {tale.Friend}. " +
        $"\"I can {tale.Animal.Skill},\" said {tale.Hero}. They showed each other what they could do.");

    private string Ending(Tale tale) => Pick(
        $"From that day on, {tale.Hero} and {tale.Friend} were friends.",
        $"{tale.Hero} went home and slept well that night.",
        $"It was a good day for {tale.Hero}.",
        $"When the moon came up, {tale.Hero} was happy and tired.",
        $"And {tale.Hero} never forgot that day.");

    private T Pick<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private sealed record Tale(string Hero, string Friend, Animal Animal, Animal Other, string Trait, string Thing, string Food, string Spot);
}
