"""Closed facts, word lists and phrases of the training dialogues."""

# Each entry: answer, then the questions that it answers.
ASSAY = [
    ("Assay is a network for AI compute that proves itself.",
     ["What is Assay?", "Tell me about Assay.", "What does Assay do?", "Explain Assay.",
      "Describe Assay.", "What is the Assay network?", "Do you know Assay?",
      "Can you explain Assay?", "Say something about Assay.", "Assay?", "What is Assay about?"]),
    ("A receipt is what the worker signs: order, program root, seed, trace root and price.",
     ["What is a receipt?", "What is an Assay receipt?", "What does a receipt contain?",
      "What is in a receipt?", "What does the worker sign?", "Explain receipts.",
      "Describe a receipt.", "What do workers sign?", "What is a receipt in Assay?"]),
    ("Anyone can check the receipt.",
     ["Who can check a receipt?", "Who can check the receipt?", "Can I check a receipt?",
      "Can anyone check a receipt?", "Who may check a receipt?", "Who is able to check the receipt?",
      "Can everyone check the receipt?"]),
    ("A worker is paid only if the evidence holds.",
     ["When is a worker paid?", "When are workers paid?", "How does a worker get paid?",
      "How do workers get paid?", "When does a worker get its pay?",
      "What must hold for a worker to be paid?", "How is a worker paid?"]),
    ("A worker that cheats loses its stake.",
     ["What happens if a worker cheats?", "What happens to a worker that cheats?",
      "What happens when a worker cheats?", "What if a worker cheats?",
      "What does a cheating worker lose?", "How is cheating punished?",
      "Can a worker cheat?", "What does a worker lose if it cheats?"]),
    ("A model is registered as an integer program, so every machine computes the same bits.",
     ["How is a model registered?", "Why does every machine compute the same bits?",
      "What is a model in Assay?", "How do machines get the same bits?",
      "Why are the results the same on every machine?", "Why integers?",
      "Why is a model an integer program?", "How are models registered?"]),
    ("Workers run tasks.",
     ["What do workers do?", "What does a worker do?", "Who runs tasks?",
      "Who runs the tasks?", "What is a worker?", "What is the job of a worker?",
      "What are workers for?"]),
    ("Verifiers check receipts.",
     ["What do verifiers do?", "What does a verifier do?", "Who checks receipts?",
      "What is a verifier?", "What is the job of a verifier?", "What are verifiers for?",
      "Who checks the receipts?"]),
    ("The gateway speaks the OpenAI API.",
     ["What API does the gateway speak?", "What does the gateway do?", "What is the gateway?",
      "Which API does the gateway speak?", "Which API can I use?", "What API does Assay have?",
      "How do I talk to the gateway?"]),
    ("The model root pins what ran.",
     ["What is the model root?", "What does the model root do?", "What pins what ran?",
      "What is the model root for?", "What does the model root pin?", "Why is there a model root?"]),
    ("A stake is what a worker loses if it cheats.",
     ["What is a stake?", "What is the stake?", "What is a stake for?", "What is the stake for?",
      "Explain the stake.", "Why does a worker have a stake?"]),
    ("The trace root pins every step of the run.",
     ["What is the trace root?", "What does the trace root do?", "What does the trace root pin?",
      "What is the trace root for?", "What pins every step of the run?"]),
    ("The seed fixes the random choices, so the run can be repeated.",
     ["What is the seed?", "What does the seed do?", "What is the seed for?",
      "Why is there a seed?", "What does the seed fix?"]),
    ("You do not need to trust a worker: you can check its receipt.",
     ["Must I trust a worker?", "Do I need to trust a worker?", "Why should I trust a worker?",
      "Do I have to trust the worker?", "Can I trust a worker?", "Can I trust the workers?"]),
]

IDENTITY = [
    ("I am a small demo model. I can add numbers, spell words and answer short questions.",
     ["Who are you?", "What are you?", "Tell me about yourself.", "Introduce yourself.",
      "What can you do?", "What can you do for me?", "How can you help me?", "Help",
      "What kind of model are you?", "What do you do?", "Describe yourself.",
      "What are you able to do?"]),
    ("I am small: I have about 1.2 million parameters.",
     ["How big are you?", "How many parameters do you have?", "What is your size?",
      "How large are you?", "How big is the demo model?", "How small are you?",
      "How many parameters does the demo model have?", "Are you a large model?"]),
    ("I am the demo model of Assay.",
     ["What is your name?", "Do you have a name?", "What should I call you?",
      "What are you called?", "Tell me your name."]),
    ("No, I am a small demo model.",
     ["Are you a human?", "Are you human?", "Are you a person?", "Are you alive?"]),
    ("Hello! How can I help you?",
     ["Hello", "Hello!", "Hi", "Hi!", "Hello there!", "Hey", "Hey!", "Hi there", "Greetings",
      "Hi there!", "Hello there"]),
    ("Good morning! How can I help you?", ["Good morning", "Good morning!", "Morning!"]),
    ("Good evening! How can I help you?", ["Good evening", "Good evening!", "Evening!"]),
    ("I am fine, thank you. How can I help you?",
     ["How are you?", "How are you today?", "How do you do?", "How is it going?",
      "Are you well?", "Hello, how are you?", "Hi, how are you?"]),
    ("You are welcome.",
     ["Thank you", "Thank you!", "Thanks", "Thanks!", "Thank you very much.", "Thanks a lot.",
      "Many thanks.", "Thank you for your help."]),
    ("Goodbye! Have a nice day.",
     ["Goodbye", "Goodbye!", "Bye", "Bye!", "See you later.", "See you.", "Bye bye", "Good night"]),
]

CAPITALS = dict(France="Paris", Italy="Rome", Spain="Madrid", Germany="Berlin", Japan="Tokyo",
                China="Beijing", Egypt="Cairo", Greece="Athens", Portugal="Lisbon",
                Austria="Vienna", Poland="Warsaw", Norway="Oslo", Sweden="Stockholm",
                England="London", Ireland="Dublin", Russia="Moscow", India="New Delhi",
                Canada="Ottawa", Kenya="Nairobi", Peru="Lima")
CAPITAL_ASKS = ["What is the capital of {}?", "Name the capital of {}.", "capital of {}",
                "Which city is the capital of {}?", "Tell me the capital of {}.",
                "What is {}'s capital?", "What city is the capital of {}?"]

COLOURS = dict(grass="green", snow="white", blood="red", coal="black", milk="white", gold="yellow",
               chocolate="brown", salt="white", a_lemon="yellow", a_banana="yellow",
               a_tomato="red", a_strawberry="red", a_frog="green", a_carrot="orange",
               the_sky="blue", the_sun="yellow", the_sea="blue", an_elephant="grey")
COLOUR_ASKS = ["What colour is {}?", "What is the colour of {}?", "Tell me the colour of {}.",
               "Which colour is {}?", "Name the colour of {}.", "What color is {}?"]

SOUNDS = dict(dog="barks", cat="meows", cow="moos", duck="quacks", sheep="bleats", lion="roars",
              horse="neighs", pig="oinks", bird="sings", bee="buzzes", snake="hisses", wolf="howls")
SOUND_ASKS = ["What sound does a {} make?", "What does a {} say?", "Which sound does a {} make?",
              "Tell me the sound of a {}.", "What is the sound of a {}?", "How does a {} sound?"]

LEGS = dict(dog=4, cat=4, cow=4, duck=2, sheep=4, horse=4, bird=2, bee=6, snake=0, spider=8,
            ant=6, fish=0, hen=2, lion=4)
LEG_ASKS = ["How many legs does a {} have?", "How many legs has a {}?",
            "Tell me how many legs a {} has.", "What number of legs does a {} have?",
            "Count the legs of a {}."]

YOUNG = dict(dog="puppy", cat="kitten", cow="calf", sheep="lamb", horse="foal", hen="chick",
             pig="piglet", duck="duckling", lion="cub", frog="tadpole")
YOUNG_ASKS = ["What is a young {} called?", "What do you call a young {}?",
              "What is a baby {} called?", "What do you call a baby {}?", "Name the young of a {}."]

OPPOSITES = [("hot", "cold"), ("big", "small"), ("up", "down"), ("day", "night"),
             ("fast", "slow"), ("open", "closed"), ("happy", "sad"), ("light", "dark"),
             ("long", "short"), ("old", "young"), ("wet", "dry"), ("full", "empty"),
             ("high", "low"), ("true", "false"), ("yes", "no"), ("left", "right"),
             ("early", "late"), ("hard", "soft"), ("rich", "poor"), ("strong", "weak")]
OPPOSITE_ASKS = ["What is the opposite of {}?", "Tell me the opposite of {}.", "opposite of {}",
                 "Name the opposite of {}.", "Give me the opposite of {}.",
                 "Which word is the opposite of {}?"]

UNKNOWN = "I do not know that."
UNKNOWN_ASKS = ["Who won the {} in {}?", "Who wrote the book about the {} in {}?",
                "What is the price of a {} in {}?", "When was the first {} sold in {}?",
                "Who invented the {} of {}?", "How old is the {} in {}?",
                "Where can I buy a {} in {}?", "Why is there a {} in {}?",
                "What is the history of the {} in {}?", "How tall is the {} in {}?",
                "Who owns the {} in {}?", "How many people have a {} in {}?",
                "What is the best {} in {}?", "What will the {} cost in {}?"]
UNKNOWN_THINGS = ["race", "game", "match", "car", "house", "ship", "train", "bridge", "tower",
                  "phone", "museum", "film", "song", "boat", "garden", "castle", "computer",
                  "hotel", "market", "school", "church", "river", "wall", "theatre", "bank"]
UNKNOWN_PLACES = ["Paris", "Rome", "Madrid", "Berlin", "Tokyo", "London", "Oslo", "Lima", "Cairo",
                  "Brazil", "Texas", "Africa", "Europe", "Chicago", "Boston", "Sydney", "1950",
                  "1987", "2003", "2024", "Mexico", "Chile", "Iceland", "Turkey"]
UNKNOWN_MORE = ["What is the weather today?", "Will it rain tomorrow?", "What time is it?",
                "What is the news today?", "Who is the president?", "Write me a long poem.",
                "What is the meaning of life?", "Can you write a program?", "What day is it today?",
                "Explain quantum physics.", "How do I cook soup?", "What should I eat tonight?",
                "Which stock should I buy?", "How do I fix my car?", "Translate this into Greek."]

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August",
          "September", "October", "November", "December"]
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
            "tenth", "eleventh", "twelfth"]

# Units: (large, small, factor).
UNITS = [("metres", "centimetres", 100), ("kilograms", "grams", 1000), ("hours", "minutes", 60),
         ("kilometres", "metres", 1000), ("minutes", "seconds", 60), ("days", "hours", 24),
         ("weeks", "days", 7), ("years", "months", 12), ("dozen", "items", 12),
         ("litres", "millilitres", 1000), ("tonnes", "kilograms", 1000),
         ("centimetres", "millimetres", 10)]

WORDS = """
able about above across act add after again age air all alone along also always and angry animal
answer apple april arm army art ask autumn away baby back bad bag ball band bank base basket bath
bean bear beat bed bee before begin bell below best bet better big bird bit black blue board boat
body bone book born both bottle bottom bowl box boy brain branch brave bread break bridge bright
bring broken brother brown brush build burn bus busy butter button buy cake call calm camp can
candle cap car card care carry case cat catch cause cave cent chain chair chalk change cheap check
cheese chicken child choose church circle city class clean clear clever climb clock close cloth
cloud coat code coffee coin cold colour come cook cool copper copy corn corner cost cotton count
country cousin cover cow crab cream cross crowd crown cry cup cut dance dark data daughter day dead
dear deep deer desk dinner dirty dish doctor dog door double down draw dream dress drink drive drop
dry duck dust each ear early earth east easy eat edge egg eight empty end engine enjoy enough
evening every eye face fact fair fall family far farm fast father feather feed feel fence field
fifty fight fill find fine finger finish fire first fish five flag flat floor flour flower fly fog
food foot forest fork form forty found four fox free fresh friend frog front fruit full fun funny
game garden gate gather giant gift girl give glad glass glove goat gold good goose grain grape
grass gray great green ground group grow guess guest gun hair half hall hammer hand happy hard hat
have head hear heart heavy help hen here high hill hold hole home honest honey hope horse hot hotel
hour house human hundred hungry hunt hurry ice idea inch ink inside iron island jar job join joke
judge juice jump june just keep key kind king kiss kitchen kite knee knife knock know ladder lady
lake lamb lamp land large last late laugh law lazy leaf learn leave left leg lemon less lesson
letter library life lift light like line lion lip list listen little live lock long look lost loud
love low lucky lunch machine magic mail make man many map march mark market match matter meal mean
meat medal meet melon metal middle milk mind minute mirror mix model money monkey month moon
morning most mother motor mountain mouse mouth move much mud music must nail name narrow near neck
need needle nest net network never new news next nice night nine noise noon north nose note
nothing now number nurse ocean october office often oil old once one onion only open orange order
other outside oven over owl own page paint pair palace pan paper parent park part party pass past
path pay peace pear pen pencil people pepper person phone photo piano pick picture pig pilot pink
pipe place plain plan planet plant plate play please plenty pocket poem point police pond poor
potato power press pretty price prince print prize program promise proof proud pull pupil purple
push put queen question quick quiet quite rabbit race radio rain raw reach read ready reason
receipt red repeat rest rice rich ride right ring rise river road rock roof room root rope rose
round row royal rub rubber rule run sad safe sail salad salt same sand save say school science
scissors sea seat second see seed sell send seven shade shadow shape share sharp sheep sheet shelf
shell shine ship shirt shoe shop short shoulder shout show sick side sign silk silver simple sing
sister sit six size skin sky sleep slow small smart smell smile smoke smooth snake snow soap soccer
sock soft soil some son song soon sound soup south space spell spider spoon spring square stake
stamp stand star start state station stay steal steam steel step still stone stop store storm story
street string strong student study sugar summer sun sweet swim table tail take talk tall taste
teach team tell temple ten tent test thank thick thin thing think third three throw thumb ticket
tiger time tired today toe together tomato tomorrow tongue tool tooth top touch towel tower town
toy trace track trade train travel tree true trust try tunnel turn twelve twenty two ugly uncle
under until use valley value verify very village visit voice wait walk wall want war warm wash
watch water wave way weak wear weather wedding week well west wet wheel when white wide wild win
wind window wine wing winter wise wish wolf woman wonder wood wool word work worker world worm
write wrong yard year yellow yes yesterday you young zebra zero zoo
""".split()
